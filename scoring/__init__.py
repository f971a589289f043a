"""What SQL cannot do: fitted scores, tested on a later period and published only when they beat a plain baseline."""
