import type { z } from 'zod';

/** What this page needs to know of a zod type; its own types leave the definition open. */
interface Def {
  readonly type: string;
  readonly innerType?: z.core.$ZodType;
  readonly in?: z.core.$ZodType;
  readonly shape?: Readonly<Record<string, z.core.$ZodType>>;
  readonly options?: readonly z.core.$ZodType[];
  readonly valueType?: z.core.$ZodType;
  readonly element?: z.core.$ZodType;
  readonly values?: readonly unknown[];
}

/** The keys that a map at that place of the config may have. */
export function knownKeys(schema: z.core.$ZodType, path: readonly PropertyKey[], value: unknown): string[] {
  const [step, ...rest] = path;
  const types = alternatives(schema, value);
  if (step === undefined) return [...new Set(types.flatMap((type) => Object.keys(def(type).shape ?? {})))];
  const inside = (value as Record<PropertyKey, unknown> | undefined)?.[step];
  return [
    ...new Set(
      types.flatMap((type) => {
        const { shape, valueType, element } = def(type);
        const next = shape?.[String(step)] ?? valueType ?? element;
        return next ? knownKeys(next, rest, inside) : [];
      }),
    ),
  ];
}

/** The plain types behind defaults, transforms and unions; of a union by `kind` only the one that the value says. */
function alternatives(type: z.core.$ZodType, value: unknown): z.core.$ZodType[] {
  const { innerType, in: source, options } = def(type);
  if (innerType) return alternatives(innerType, value);
  if (source) return alternatives(source, value);
  if (!options) return [type];
  const kind = (value as { kind?: unknown } | null | undefined)?.kind;
  const same = options.filter((option) => {
    const wanted = def(option).shape?.['kind'];
    return wanted !== undefined && def(wanted).values?.includes(kind);
  });
  return (same.length > 0 ? same : options).flatMap((option) => alternatives(option, value));
}

function def(type: z.core.$ZodType): Def {
  return type._zod.def as unknown as Def;
}
