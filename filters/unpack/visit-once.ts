// One visit of one leaf: its content can be read, as often as wanted, until the visit is over.

/** Valid only until visit() resolves. */
export type Leaf = {
  /** `1.2 offer.zip > inner.rar > run.exe` */
  readonly where: string
  readonly sizeBytes: number
  content(): AsyncIterable<Buffer>
}

export async function visitOnce(
  visit: (leaf: Leaf) => Promise<void>,
  where: string,
  sizeBytes: number,
  content: () => AsyncIterable<Buffer>,
): Promise<void> {
  let isOver = false
  const leaf: Leaf = {
    where,
    sizeBytes,
    content() {
      if (isOver) throw new Error(`the visit of ${where} is over`)
      return content()
    },
  }
  try {
    await visit(leaf)
  } finally {
    isOver = true
  }
}
