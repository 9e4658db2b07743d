"""What a database URL says about TLS, for drivers that do not read it themselves."""

import ssl
from dataclasses import dataclass


@dataclass(frozen=True)
class Tls:
    """What a URL's options say about TLS."""

    ca: str | None = None
    capath: str | None = None
    cert: str | None = None
    key: str | None = None
    verify_cert: bool = False
    verify_identity: bool = False

    @classmethod
    def parse(cls, options: dict[str, str]) -> "Tls | None":
        """Reads the drivers' names (ssl_ca …) and the command line's (ssl-mode). Returns None without any.

        If the URL names a CA, the server's certificate and its host name are checked.
        """
        found = {key.lower().replace("-", "_"): value for key, value in options.items()}

        def is_on(name: str, *, default: bool) -> bool:
            return found[name].lower() in {"1", "true", "yes", "on"} if name in found else default

        mode = found.get("ssl_mode", found.get("sslmode", "")).upper()
        names = ("ssl_ca", "ssl_capath", "ssl_cert", "ssl_key")
        files = {name.removeprefix("ssl_"): found[name] for name in names if name in found}
        verify_cert = "ca" in files or "capath" in files or mode.startswith("VERIFY_")
        verify_cert = is_on("ssl_verify_cert", default=verify_cert)
        verify_identity = verify_cert and mode != "VERIFY_CA"
        verify_identity = is_on("ssl_verify_identity", default=verify_identity)
        verify_identity = is_on("ssl_check_hostname", default=verify_identity)
        wanted = bool(files) or verify_cert or mode == "REQUIRED" or is_on("ssl", default=False)
        return cls(**files, verify_cert=verify_cert, verify_identity=verify_identity) if wanted else None

    def context(self) -> ssl.SSLContext:
        """Returns these options as an SSL context, for drivers that are written in Python."""
        context = ssl.create_default_context(cafile=self.ca, capath=self.capath)
        context.check_hostname = self.verify_identity
        context.verify_mode = ssl.CERT_REQUIRED if self.verify_cert or self.verify_identity else ssl.CERT_NONE
        if self.cert:
            context.load_cert_chain(self.cert, self.key)
        return context
