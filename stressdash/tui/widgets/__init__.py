"""Parts of screens; each shows a view and posts messages, none of them knows the session."""
