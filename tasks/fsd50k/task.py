"""FSD50K: which sounds a clip holds, a 2D task on spectrograms with several labels."""

from kit.mirrors import bucket, drive, zenodo
from kit.task import About, Source, Task

# File, bytes and MD5, as stated by FSD50K's record on Zenodo; without metadata and documents.
ZENODO = (
    ("dev_audio.z01", 3_221_225_472, "faa7cf4cc076fc34a44a479a5ed862a3"),
    ("dev_audio.z02", 3_221_225_472, "8f9b66153e68571164fb1315d00bc7bc"),
    ("dev_audio.z03", 3_221_225_472, "1196ef47d267a993d30fa98af54b7159"),
    ("dev_audio.z04", 3_221_225_472, "d088ac4e11ba53daf9f7574c11cccac9"),
    ("dev_audio.z05", 3_221_225_472, "81356521aa159accd3c35de22da28c7f"),
    ("dev_audio.zip", 2_306_663_327, "c480d119b8f7a7e32fdb58f3ea4d6c5a"),
    ("eval_audio.z01", 3_221_225_472, "3090670eaeecc013ca1ff84fe4442aeb"),
    ("eval_audio.zip", 3_037_675_767, "6fa47636c3a3ad5c7dfeba99f2637982"),
    ("ground_truth.zip", 334_701, "ca27382c195e37d2269c4c866dd73485"),
)
# Mirrors of OpenSLR, which has MUSAN, the background noise.
OPENSLR = (
    "https://www.openslr.org",
    "https://us.openslr.org",
    "https://openslr.elda.org",
    "https://openslr.trmal.net",
)

TASK = Task(
    name="fsd50k",
    title="FSD50K",
    dims=2,
    sample_shape=(1, 96, 101),
    outputs=200,
    kind="multi-label",
    loss="bce",
    metrics=("one-minus-map",),
    forms=("exchanged",),
    unit="clip",
    version=1,
    licence="CC BY 4.0",
    citation="Fonseca et al., FSD50K: An Open Dataset of Human-Labeled Sound Events, "
    "IEEE/ACM TASLP 30, 2022",
    about=About(
        sizes={"train": 36_796, "val": 4_170, "test": 10_231},
        objective="Name the sounds in log-mel spectrograms, out of 200",
        expert="VGG",
    ),
    tiers=("published", "rebuilt", "sample", "synthetic"),
    sources=(
        Source(
            file="audio.zip",
            urls=(drive("1IDOkm7IpFfgByDZNM6daxZaVzVJVBNid"), bucket("audio/audio.zip")),
            roughly=24_000_000_000,
        ),
        *(
            Source(
                file=f"FSD50K.{name}",
                instead=(f"FSD50K.{name.partition('.')[0]}",),
                urls=(zenodo("4060432", f"FSD50K.{name}"),),
                size=size,
                md5=md5,
                tier="rebuilt",
            )
            for name, size, md5 in ZENODO
        ),
        Source(
            file="musan.tar.gz",
            instead=("musan",),
            urls=tuple(f"{mirror}/resources/17/musan.tar.gz" for mirror in OPENSLR),
            size=11_086_114_085,
            md5="0c472d4fc0c5141eca47ad1ffeb2a7df",
            tier="rebuilt",
        ),
        Source(
            file="samples",
            package="debian:sonic-pi-samples",
            tier="sample",
            folder=True,
        ),
    ),
    # Both papers use only the training clips in the final fit too.
    rules={"roles": {"final_fit": ("train",)}},
    # Reduced sizes were chosen once, by their cost only: minutes and seconds on two CPU cores.
    reduced={
        "lite": {"samples": {"train": 160, "val": 48, "test": 48}, "stride": 2},
        "smoke": {"samples": {"train": 16, "val": 8, "test": 8}, "stride": 3},
    },
)
