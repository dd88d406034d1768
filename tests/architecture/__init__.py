"""Rules of the tree itself: who may import whom, what files may hold, what documents must prove."""
