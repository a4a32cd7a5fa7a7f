import { runNamed } from '../prove/run.ts';
import { BENCHES } from './benches/index.ts';

await runNamed('bench', BENCHES, process.argv[2]);
