import { PROOFS } from './proofs/index.ts';
import { runNamed } from './run.ts';

await runNamed('prove', PROOFS, process.argv[2]);
