"""How to bring data of your own: each example turns a data set into JSON lines for `touchline publish`."""
