import { downloadedMegabytes, explainFetch } from './fetchers';

it('reads from Maven how much has arrived', () => {
  const line = 'Downloaded from central: https://repository.example/a.jar (1.5 MB at 3.1 MB/s)';
  expect(downloadedMegabytes(line)).toBe(1.5);
  expect(downloadedMegabytes(line.replace('1.5 MB', '250 kB'))).toBeCloseTo(0.25);
  expect(
    downloadedMegabytes('Downloading from central: https://repository.example/a.jar'),
  ).toBeUndefined();
});

it('says in one sentence that what arrived is not what was meant', () => {
  for (const words of [
    'Checksum validation failed, expected 12 but is 34',
    'npm error code EINTEGRITY',
    'verifying module: checksum mismatch',
  ]) {
    expect(explainFetch('Kafka', words)).toMatch(
      /^Kafka could not be fetched: .*wrong checksum[^.]*\.$/,
    );
  }
});

it('says in one sentence that the network is away', () => {
  for (const words of [
    'Unknown host repository.example',
    'dial tcp: lookup proxy.example: no such host',
    'npm error code ENOTFOUND',
  ]) {
    expect(explainFetch('Redis', words)).toMatch(
      /^Redis could not be fetched: .*check the network[^.]*\.$/,
    );
  }
});

it('quotes the tool when it failed for another reason', () => {
  expect(explainFetch('S3 server', 'one\ntwo\nno space left on device')).toContain('no space left');
});
