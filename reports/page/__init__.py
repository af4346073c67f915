"""The report page, in HTML and in Markdown, and what stands on it alone."""
