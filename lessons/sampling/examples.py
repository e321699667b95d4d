"""The texts that the sampling lesson begins with."""

from __future__ import annotations

TEXT = "The keys to the cabinet are so I cannot"
SAMPLES = ("The capital of France is", "My favourite colour is", "1, 2, 3, 4,")  # sure, unsure, nearly certain
BRANCH_TEXT = "In the middle of the night the telephone"
SEEDS_TEXT = "Once upon a time, in a"
OPENINGS = (
    "The train to the coast was late because",
    "She put the letter in the drawer and",
    "My grandmother always said that",
    "In the middle of the night the telephone",
    "The old lighthouse keeper opened the door and saw",
    "Scientists have discovered a new kind of",
    "The city council met on Tuesday to discuss",
    "Nobody in the village knew why the bell",
)
PEOPLE = (  # the openings of six books in the public domain; the lesson's sources name them
    "When on board H.M.S. Beagle, as naturalist, I was much struck with certain facts in the distribution of the "
    "inhabitants of South America, and in the geological relations of the present to the past inhabitants of that "
    "continent. These facts seemed to me to throw some light on the origin of species, that mystery of mysteries, "
    "as it has been called by one of our greatest philosophers. On my return home, it occurred to me, in 1837, that "
    "something might perhaps be made out on this question by patiently accumulating and reflecting on all sorts of "
    "facts which could possibly have any bearing on it.",
    "Emma Woodhouse, handsome, clever, and rich, with a comfortable home and happy disposition, seemed to unite some "
    "of the best blessings of existence; and had lived nearly twenty-one years in the world with very little to "
    "distress or vex her. She was the youngest of the two daughters of a most affectionate, indulgent father; and "
    "had, in consequence of her sister's marriage, been mistress of his house from a very early period. Her mother "
    "had died too long ago for her to have more than an indistinct remembrance of her caresses.",
    "In the year 1878 I took my degree of Doctor of Medicine of the University of London, and proceeded to Netley to "
    "go through the course prescribed for surgeons in the army. Having completed my studies there, I was duly "
    "attached to the Fifth Northumberland Fusiliers as Assistant Surgeon. The regiment was stationed in India at the "
    "time, and before I could join it, the second Afghan war had broken out. On landing at Bombay, I learned that my "
    "corps had advanced through the passes, and was already deep in the enemy's country.",
    "No one would have believed in the last years of the nineteenth century that this world was being watched keenly "
    "and closely by intelligences greater than man's and yet as mortal as his own; that as men busied themselves "
    "about their various concerns they were scrutinised and studied, perhaps almost as narrowly as a man with a "
    "microscope might scrutinise the transient creatures that swarm and multiply in a drop of water. With infinite "
    "complacency men went to and fro over this globe about their little affairs, serene in their assurance of their "
    "empire over matter.",
    "When I wrote the following pages, or rather the bulk of them, I lived alone, in the woods, a mile from any "
    "neighbor, in a house which I had built myself, on the shore of Walden Pond, in Concord, Massachusetts, and "
    "earned my living by the labor of my hands only. I lived there two years and two months. At present I am a "
    "sojourner in civilized life again. I should not obtrude my affairs so much on the notice of my readers if very "
    "particular inquiries had not been made by my townsmen concerning my mode of life.",
    "I was born in the year 1632, in the city of York, of a good family, though not of that country, my father being "
    "a foreigner of Bremen, who settled first at Hull. He got a good estate by merchandise, and leaving off his "
    "trade, lived afterwards at York, from whence he had married my mother, whose relations were named Robinson, a "
    "very good family in that country, and from whom I was called Robinson Kreutznaer; but, by the usual corruption "
    "of words in England, we are now called Crusoe.",
)
QUESTIONS = (
    "Why is the sky blue?",
    "How do I keep a houseplant alive?",
    "Tell me a short story about a dog and a lighthouse.",
    "What happened in the French Revolution?",
    "How does a bicycle stay upright?",
    "Write a letter to a friend who is moving away.",
    "Explain how bread rises.",
    "What should I see in a day in Rome?",
)
