import type { Duplex } from 'node:stream';
import { WarroomError } from '../errors/catalogue.ts';
import type { Output, SocketAddress, Target } from './contract.ts';
import { openSocket } from './socket.ts';

/** A server that is on no host of the config: its sockets are reached from this machine, and no command runs there. */
export class DirectTarget implements Target {
  readonly account = 'reading';

  constructor(readonly name: string) {}

  read(): Promise<Output> {
    return Promise.reject(this.#noHost());
  }

  exec(): Promise<Output> {
    return Promise.reject(this.#noHost());
  }

  connect(address: SocketAddress, options?: { timeoutMs?: number; signal?: AbortSignal }): Promise<Duplex> {
    return openSocket(this.name, address, options);
  }

  #noHost(): WarroomError {
    return new WarroomError('NO_RIGHT', {
      target: this.name,
      what: 'run commands there: it is no host of the config',
      mend: 'Name its host under hosts, and on the service with "on".',
    });
  }
}
