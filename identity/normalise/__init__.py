"""One module a kind of value: names, phones, e-mails, tax ids, addresses, places. Text in, comparable parts out."""
