"""Who may reach the page: login, sessions, limits."""
