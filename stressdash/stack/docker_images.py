"""The images that a project's components run: pulled where this machine lacks them.

Those of Elastic are not vital: where they cannot be had, load runs without APM.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from stressdash.errors import StackError
from stressdash.stack.compose import Compose
from stressdash.stack.containers import Containers
from stressdash.stack.docker_parts import DockerParts
from stressdash.stack.docker_project import APM_PARTS, PARTS
from stressdash.text import escape

__all__ = ["fetch_images"]


async def fetch_images(
    compose: Compose, containers: Containers, parts: DockerParts, progress: Callable[[str], None]
) -> None:
    """Pull what is not there yet; what `parts` lack from now on, and why, is noted in them.

    Raises:
        StackError: one that is needed cannot be had.
    """
    images = await compose.images()
    parts.lacking = {}
    for name in parts.names:
        part = PARTS[name]
        built_on = os.environ.get("STATS_IMAGE") or images.bases.get(part.service)
        image = images.pulled.get(part.service) or built_on
        if name in parts.lacking or image is None or await containers.has_image(image):
            continue
        progress(f"pulling {escape(image, 100)}")
        try:
            await containers.pull(image, progress)
        except StackError as error:
            why = f"{escape(image, 100)} cannot be pulled, name another by {part.image_variable} ({error})"
            if name not in APM_PARTS:
                raise StackError(f"the image {why}, or use --stack process") from error
            parts.lacking = dict.fromkeys(APM_PARTS, f"its image {why}")
