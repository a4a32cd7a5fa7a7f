/** A server of the lab: what it needs on disk, how it starts on its host, and what answers once it is ready. */
export interface Service {
  readonly host: string;
  prepare(root: string, number: number): void;
  /** Each is one daemon of the host. */
  start(number: number): readonly (readonly string[])[];
  /** A URL that must answer below 500; undefined where `check` is used. */
  ready?(number: number): string;
  /** A command inside the host that must succeed. */
  check?(number: number): readonly string[];
  /** Run once after it is ready, as [command, input]. */
  fill?(number: number): { readonly argv: readonly string[]; readonly input: string };
}
