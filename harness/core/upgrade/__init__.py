"""Two models beside each other, case by case: what differs, for the better or the worse. Pure."""
