"""Layers of sequences: recurrent ones, attention, embeddings, and what makes one vector of many."""
