import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 20_000,
    hookTimeout: 60_000,
    // Real servers start in many files: two at a time is what two cores carry.
    maxWorkers: 2,
    reporters: ['default'],
  },
});
