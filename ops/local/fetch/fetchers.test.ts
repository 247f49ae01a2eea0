import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { downloadedMegabytes, explainFetch, FetchError, refuseOthers } from './fetchers';

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

it('says in one sentence that the network is unavailable', () => {
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

describe('what is compared with a checksum of our own', () => {
  const abc = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';
  let recipe: string;
  let folder: string;

  beforeEach(() => {
    recipe = mkdtempSync(join(tmpdir(), 'recipe-'));
    folder = mkdtempSync(join(tmpdir(), 'arrived-'));
    writeFileSync(join(recipe, 'checksums.sha256'), `${abc}  a.tar.gz\n`);
  });

  afterEach(() => {
    for (const made of [recipe, folder]) rmSync(made, { recursive: true });
  });

  const compare = () => () => {
    refuseOthers('Debezium', recipe, folder);
  };

  it('is taken when it is the one that is named', () => {
    writeFileSync(join(folder, 'a.tar.gz'), 'abc');
    expect(compare()).not.toThrow();
  });

  it('is refused when its bytes differ, when it is missing and when there is more', () => {
    expect(compare()).toThrow(FetchError);
    writeFileSync(join(folder, 'a.tar.gz'), 'abd');
    expect(compare()).toThrow(
      /^Debezium could not be fetched: a\.tar\.gz has another checksum .*Delete it/,
    );
    writeFileSync(join(folder, 'a.tar.gz'), 'abc');
    writeFileSync(join(folder, 'b.tar.gz'), 'abc');
    expect(compare()).toThrow(FetchError);
  });
});
