"""What Personas computes, pure: no AWS, no clock, no environment, no I/O. Time, ids and randomness are arguments."""
