/** A unit test waits for no server, but a busy machine may hold its worker for seconds: Jest's own 5 s are too few. */
jest.setTimeout(30_000);
