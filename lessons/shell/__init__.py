"""What every lesson shares on screen. Start reading at ``frame.py``."""
