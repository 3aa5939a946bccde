"""`oneshot doctor` on Argo CD: whether it answers, and to whom. What of one repository's application is doctor_repository's."""

from oneshot_dagster.cli.doctor_checks import Finding
from oneshot_dagster.domain.errors import BadInput, TryAgain
from oneshot_dagster.services.deploy.argocd_api import ArgoCD, Refused

NAME = "Argo CD"


def argocd_access(api: ArgoCD) -> Finding:
    try:
        version, user = api.version(), api.user()
    except TryAgain as error:
        do = "mend ONESHOT_ARGOCD__URL or __CA_FILE, or let this machine reach it"
        return Finding(name=NAME, ok=False, found=str(error), do=do)
    except Refused as error:
        do = "mend ONESHOT_ARGOCD__TOKEN or __TOKEN_FILE: `argocd account generate-token`"
        return Finding(name=NAME, ok=False, found=str(error), do=do)
    except BadInput as error:
        return Finding(name=NAME, ok=False, found=error.found, do=error.do)
    return Finding(name=NAME, ok=True, found=f"{version}, as {user}")
