"""How large packs may be, and are where nothing else is said. A configuration needs no more of the format."""

MAX_PACK = 64 << 20
PACK_SIZE = 32 << 20
LEAST_PACK_SIZE = 1 << 20
