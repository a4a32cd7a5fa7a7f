const DISCORD_EPOCH = 1_420_070_400_000;

/** When an id was made: Discord's ids begin with their time. */
export function timeOf(id: string): number {
  return Number(BigInt(id) >> 22n) + DISCORD_EPOCH;
}
