"""The expected rows of every view, worked out a second time from the input lines.

The oracle is written from the contract alone, in the plainest way: it holds all of the input in memory, sorts each
customer's touchpoints once, and keeps no state between runs. It shares no code with what it checks, and keeps its
own lists of kinds, actions and metrics on purpose: a mistake in a declaration of the project must not hide here too.

Where the contract leaves room, the oracle reads it so:

- `facts`: the first statement is the first that is applied. A `completed` with neither score nor text states no answer.
  Answers without question id and kind are of different questions. Of an order, amount, currency, cart and items are
  those of the statement that holds, and the moment is that of the first.
- `carts`: a value stated above zero while no item is known says that something unlisted is in the cart, until it is
  cleared or a value is stated of known items. An order converts by its skus what a cart holds when the order is placed,
  or what a cart that begins up to 5 minutes later holds at one of its events before it is abandoned. What converts a
  cart replaces an earlier recovery by another order.
- `calls`: only an answer ends a wait, and to be queued ends a hold. An id is free again 24 hours after the first phase
  of a call that was not hung up. The first `queued` begins the first wait, also after an answer. A call that ends
  resolved is never short. A hold without an end is not counted.
- `experience`: a response is observed at the first of its answers that has an experience.
"""
