"""The machines themselves: models, and what is computed with them. Nothing here knows of pages."""

from engines.models.settings import prepare_process

prepare_process()
