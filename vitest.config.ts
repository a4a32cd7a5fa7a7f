import { defineConfig } from 'vitest/config';

/** A browser calls it an error when the machine's networks change, which every lab does. */
const BROWSER = 'test/console/browser.test.ts';

export default defineConfig({
  test: {
    testTimeout: 40_000,
    hookTimeout: 60_000,
    expect: { poll: { timeout: 30_000 } },
    // Real servers start in many files: two at a time is what two cores carry.
    maxWorkers: 2,
    reporters: ['default'],
    projects: [
      { extends: true, test: { name: 'browser', include: [BROWSER], sequence: { groupOrder: 0 } } },
      {
        extends: true,
        test: {
          name: 'servers',
          include: ['test/**/*.test.ts'],
          exclude: [BROWSER],
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
