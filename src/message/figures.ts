/** A figure with its unit, short enough for a phone: "2.9 s", "180 ms", "1.2 %", "240 req/s", "312 MiB". */
export function figure(value: number | null | undefined, unit: string): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return 'unknown';
  switch (unit) {
    case 's':
      return value < 1 ? `${round(value * 1000)} ms` : span(value);
    case 'ms':
      return value < 1000 ? `${round(value)} ms` : span(value / 1000);
    case 'share':
      return `${round(value * 100)} %`;
    case '/s':
      return `${round(value)}/s`;
    case 'B':
      return bytes(value);
    case 'B/s':
      return `${bytes(value)}/s`;
    case 'pages/s':
      return `${round(value)} pages/s`;
    case 'cores':
      return `${round(value)} ${round(value) === '1' ? 'core' : 'cores'}`;
    default:
      return round(value);
  }
}

/** "7 min 35 s" */
export function lasted(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return seconds % 60 ? `${minutes} min ${seconds % 60} s` : `${minutes} min`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

function span(seconds: number): string {
  return seconds < 120 ? `${round(seconds)} s` : lasted(seconds * 1000);
}

/** Two figures below 10, none above 100: what a person reads off, never 0.30000000000000004. */
function round(value: number): string {
  const size = Math.abs(value);
  const digits = size >= 100 ? 0 : size >= 10 ? 1 : 2;
  const text = value.toFixed(digits);
  const plain = text.includes('.') ? text.replace(/\.?0+$/, '') : text;
  return plain === '-0' ? '0' : plain.replace(/\B(?=(\d{3})+(?!\d))(?<!\.\d*)/g, ',');
}

function bytes(value: number): string {
  const steps = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let size = value;
  let i = 0;
  while (Math.abs(size) >= 1024 && i < steps.length - 1) {
    size /= 1024;
    i += 1;
  }
  return `${round(size)} ${steps[i]}`;
}
