"""Components and their life: database, service and APM intake, and the knobs on them."""
