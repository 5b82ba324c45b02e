/** Milliseconds to wait for an upstream's 100 (Continue); after that Sluice sends its own (RFC 9110 section 10.1.1). */
export const continueMs = 1000;
