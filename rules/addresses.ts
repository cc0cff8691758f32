// Addresses in header text, read as loosely as maildrop reads them (RFC 5322 3.4, groups and comments included): for
// getaddr and hasaddr. In goes a field with or without its name, out go bare addresses.

const TOKEN = /"((?:[^"\\]|\\[^])*)"?|<|>|,|;|:|\[[^\]]*\]?|[^\s"<>,;:()[\]]+|\\[^]/y

export function addressesIn(text: string): string[] {
  return new AddressReader(withoutComments(text)).run()
}

/** Whether the address stands in a To, Cc, Resent-To or Resent-Cc line; case does not matter. */
export function isAddressee(address: string, headerLines: readonly string[]): boolean {
  const wanted = address.toLowerCase()
  return headerLines.some(line => {
    const field = /^(?:resent-)?(?:to|cc):(.*)$/is.exec(line)
    return field !== null && addressesIn(field[1] ?? '').some(found => found.toLowerCase() === wanted)
  })
}

/** Comments nest and may hold quoted characters; quoted strings hide parentheses. */
function withoutComments(text: string): string {
  let result = ''
  let depth = 0
  let isQuoted = false
  for (let index = 0; index < text.length; index++) {
    const character = text[index]!
    if (character === '\\') {
      if (depth === 0) result += text.slice(index, index + 2)
      index++
    } else if (character === '"' && depth === 0) {
      isQuoted = !isQuoted
      result += character
    } else if (character === '(' && !isQuoted) depth++
    else if (character === ')' && depth > 0) {
      depth--
      result += ' '
    } else if (depth === 0) result += character
  }
  return result
}

class AddressReader {
  readonly #text: string
  readonly #addresses: string[] = []
  #plain = ''
  #route: string | null = null
  #angle: string | null = null

  constructor(text: string) {
    this.#text = text
  }

  run(): string[] {
    TOKEN.lastIndex = 0
    for (let offset = 0; offset < this.#text.length;) {
      TOKEN.lastIndex = offset
      const token = TOKEN.exec(this.#text)?.[0]
      if (token !== undefined) this.#take(token)
      offset += token?.length ?? 1
    }
    this.#end()
    return this.#addresses
  }

  /** `Friends: a@b, c@d;` and `To: a@b` have a name before the colon; a route in `<@relay:a@b>` stays, as in maildrop. */
  #take(token: string): void {
    if (token === ',' && this.#route === null) this.#end()
    else if (token === ';') this.#end()
    else if (token === ':' && this.#route === null) this.#plain = ''
    else if (token === '<') this.#route = ''
    else if (token === '>') {
      this.#angle = this.#route
      this.#route = null
    } else if (this.#route !== null) this.#route += token
    else this.#plain += token
  }

  #end(): void {
    const address = this.#angle ?? this.#route ?? this.#plain
    if (address !== '') this.#addresses.push(address)
    this.#plain = ''
    this.#route = null
    this.#angle = null
  }
}
