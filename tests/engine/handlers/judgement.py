class Judge:
    def of(self, text):
        return f"{text} is fine"
