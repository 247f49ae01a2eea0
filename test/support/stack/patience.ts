/** Scenarios wait for real servers: each wait has a deadline of its own, and this is the last one. */
jest.setTimeout(300_000);
