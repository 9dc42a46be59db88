"""The deliverer of signals: what people should know of is sent to webhooks, Slack and mailboxes, at least once."""
