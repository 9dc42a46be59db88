"""The commands, one a file; `touchline.main.COMMANDS` names them."""
