import { ack } from './ack.ts';
import { catchUp } from './catch-up.ts';
import type { Command } from './contract.ts';
import { fix } from './fix.ts';
import { handsOff } from './hands-off.ts';
import { help } from './help.ts';
import { incidents } from './incidents.ts';
import { host, serviceLook } from './looks.ts';
import { mark } from './mark.ts';
import { plan } from './plan.ts';
import { approve, refuse } from './press.ts';
import { silence } from './silence.ts';
import { status } from './status.ts';
import { timeline } from './timeline.ts';
import { whoami } from './whoami.ts';
import { why } from './why.ts';
import { whyNot } from './why-not.ts';

/** Every command, in the order in which help lists them. A new one is a file and a line here. */
export const COMMANDS: readonly Command[] = [
  status,
  why,
  host,
  serviceLook(
    'varnish',
    ['v'],
    'Varnish: hit rate, misses, URLs, statuses, histogram, backends',
    'varnish misses',
  ),
  serviceLook('haproxy', ['ha', 'lb'], 'The balancer: servers, queues, errors', 'haproxy'),
  serviceLook('uwsgi', ['app'], 'Application workers, as uwsgitop shows them', 'uwsgi workers app1'),
  incidents,
  timeline,
  catchUp,
  ack,
  silence,
  fix,
  plan,
  approve,
  refuse,
  whyNot,
  handsOff,
  mark,
  whoami,
  help(() => COMMANDS),
];
