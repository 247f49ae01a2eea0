/** Keys of our own for tests against the bucket: of a shape that the pipeline never touches. */
export const selfTestPrefix = 'afterbuild-self-test/';

/** No object is ever stored there, so a deletion can be tried at any time. */
export const deletionTestKeys: readonly string[] = [
  `${selfTestPrefix}deletion/1`,
  `${selfTestPrefix}deletion/2`,
];
