/** What is missing or does not fit among the packages of the image: Debian's, Python's, and Python itself. */

/** Libraries that Python packages load, by Debian 13 package. OpenCV and WeasyPrint need several and name the first. */
const libraries: readonly [name: RegExp, packages: string][] = [
  [/^pq$/, 'libpq5'], [/^curl/, 'libcurl4'], [/^mariadb$/, 'libmariadb3'], [/^odbc$/, 'libodbc2'], [/^ldap|^lber/, 'libldap2'],
  [/^(GL|glib|gthread)$/, 'libgl1 libglib2.0-0'], [/^(SM|Xext|Xrender)$/, 'libsm6 libxext6 libxrender1'],
  [/^(pango|gobject|harfbuzz|fontconfig)/, 'libpangoft2-1.0-0 libharfbuzz-subset0'], [/^cairo$/, 'libcairo2'], [/^jpeg$/, 'libjpeg62-turbo'],
  [/^magic$/, 'libmagic1'], [/^gomp$/, 'libgomp1'], [/^(gdal|geos|proj)/i, 'gdal-bin'], [/^sndfile$/, 'libsndfile1'],
  [/^e?xslt$/, 'libxslt1.1'], [/^xml2$/, 'libxml2'], [/^xmlsec1/, 'libxmlsec1-openssl'], [/^zbar$/, 'libzbar0'], [/^vips$/, 'libvips42'],
]

/** Which Debian package has a library, such as libpq.so.5, libpango-1.0-0 or cairo-2. */
export function packageOf(file: string): string {
  const name = file.replace(/^.*\//, '').replace(/^lib/, '').replace(/[.-].*$/, '')
  const [, packages] = libraries.find(([pattern]) => pattern.test(name)) ?? []
  const way = packages ? `Add ${packages}` : 'https://packages.debian.org finds the package that contains it: add that'
  return `The library ${file} is not in the image. ${way} to APT_PACKAGES`
}

const imageOf = (python: string): string => `PYTHON_IMAGE=library/python:${python}-slim-trixie`

/** Modules that were part of Python, by the last version that had them. */
const removed: Readonly<Record<string, string>> = {
  3.11: 'asynchat asyncore imp smtpd',
  3.12: 'aifc audioop cgi cgitb chunk crypt imghdr lib2to3 mailcap nntplib pipes sndhdr spwd sunau telnetlib uu xdrlib',
}

/** Why the image no longer has a module: it was part of Python, or of setuptools. */
export function explainRemoved(module: string): string | undefined {
  const [name = ''] = module.split('.')
  if (/^(pkg_resources|distutils|setuptools)$/.test(name)) {
    return `"${name}" comes with setuptools, which is not installed or too new. Add 'setuptools<82' to PYTHON_EXTRA_PACKAGES in .env.docker`
  }
  const [last] = Object.entries(removed).find(([, names]) => names.split(' ').includes(name)) ?? []
  return last && `"${name}" was part of Python until ${last}. Take a newer version of the package that imports it, or ${imageOf(last)} in .env.docker`
}

/** How to get another version of a Python package. Bounds do not change a lock. */
export const otherVersion = (bound: string): string =>
  `Take another version in the file of PYTHON_MANIFEST and make its lock again. Without a lock, add '${bound}' to PYTHON_CONSTRAINTS in .env.docker`

/** A package that fails when it is imported is as it was published: its code is not what has to change. */
export function explainMisfit([python = '', name = '', error = '']: readonly string[]): string {
  const [, other] = /cannot import name '\w+' from '(\w+)[^(]*\(.*-packages\//.exec(error) ?? []
  if (other) return `Likely: the package ${name} does not fit the ${other} that is installed. ${otherVersion(`${other}<…`)}`
  const older = `3.${Number(python.slice(2)) - 1}`
  return `Likely: the package ${name} does not fit Python ${python}, or a package beside it. ${otherVersion(`${name}<…`)}, or take an older Python, ${imageOf(older)}`
}
