"""What the files of families share. Its own files never import a family."""
