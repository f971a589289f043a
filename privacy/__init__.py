"""Rights of people: who looked at what, and everything that is known of one person."""
