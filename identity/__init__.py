"""Who is who: records to people, with ids that stay and values that say where they come from."""
