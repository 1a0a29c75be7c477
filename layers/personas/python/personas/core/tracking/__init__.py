"""Taking calls of the Tracking API: reading a request, judging each call by the rules, stamping what is accepted."""
