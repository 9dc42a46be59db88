"""The page that people look at: screens over the views, read and shown by `touchline page`."""
