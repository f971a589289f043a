"""Where bytes live: settings, connections, the lake, step results, publication, the operations database."""
