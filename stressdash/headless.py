"""`stressdash run`: a session without a screen."""
