print("inflight")
