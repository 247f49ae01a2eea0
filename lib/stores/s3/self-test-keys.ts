/** Keys that are our own to try things with: of a shape that the pipeline never touches. */
export const selfTestPrefix = 'afterbuild-self-test/';

/** Nothing is ever stored there: whether deletions work can be asked at any time. */
export const deletionTestKeys: readonly string[] = [
  `${selfTestPrefix}deletion/1`,
  `${selfTestPrefix}deletion/2`,
];
