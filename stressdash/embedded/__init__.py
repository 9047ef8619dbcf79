"""What runs when nothing is installed: a MySQL-protocol server and an APM intake."""
