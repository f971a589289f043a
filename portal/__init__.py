"""The page for marketers: audiences with their numbers and files, in Spanish and English."""
