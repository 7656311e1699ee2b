"""Where usagers are sent: subjects of contact, motifs in English, services found by words.

``service_recherche`` holds what the search of services compares, written by the database itself: whoever creates or
moves a service cannot forget it. There is no unaccent extension here: ``mots_de_recherche`` knows the letters of our
names and towns.
"""

from __future__ import annotations

import json
from pathlib import Path

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_MOTIFS = Path(__file__).resolve().parents[2] / "admin" / "data" / "motifs.json"

_MOTS = """
CREATE FUNCTION mots_de_recherche(VARIADIC textes text[]) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
SELECT btrim(regexp_replace(
    replace(replace(upper(translate(array_to_string(textes, ' '),
        'àâäáãåçéèêëîïíìôöóòõùûüúÿñÀÂÄÁÃÅÇÉÈÊËÎÏÍÌÔÖÓÒÕÙÛÜÚŸÑœŒæÆ',
        'aaaaaaceeeeiiiiooooouuuuynAAAAAACEEEEIIIIOOOOOUUUUYN€€§§')), '€', 'OE'), '§', 'AE'),
    '[^A-Z0-9]+', ' ', 'g'))
$$
"""
_ECRIRE = """
CREATE FUNCTION ecrire_recherche(voulus bigint[]) RETURNS void LANGUAGE sql AS $$
INSERT INTO service_recherche (service_id, mots, villes)
SELECT s.id,
       array_to_tsvector(array_remove(string_to_array(mots_de_recherche(
           s.libelle, s.ville, i.ville, s.type_code, s.code_postal, i.code_postal), ' '), '')),
       ARRAY[regexp_replace(mots_de_recherche(s.ville), ' CEDEX.*$', ''),
             regexp_replace(mots_de_recherche(i.ville), ' CEDEX.*$', '')]
  FROM service_fiscal s JOIN site i ON i.id = s.site_id
 WHERE s.id = ANY (voulus)
    ON CONFLICT (service_id) DO UPDATE SET mots = excluded.mots, villes = excluded.villes
$$
"""
_DECLENCHEURS = (
    """
    CREATE FUNCTION recherche_du_service() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM ecrire_recherche(ARRAY[NEW.id]);
        RETURN NULL;
    END $$
    """,
    """
    CREATE FUNCTION recherche_du_site() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM ecrire_recherche(ARRAY(SELECT id FROM service_fiscal WHERE site_id = NEW.id));
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER recherche_du_service
    AFTER INSERT OR UPDATE OF libelle, ville, code_postal, type_code, site_id ON service_fiscal
    FOR EACH ROW EXECUTE FUNCTION recherche_du_service()
    """,
    """
    CREATE TRIGGER recherche_du_site AFTER UPDATE OF ville, code_postal ON site
    FOR EACH ROW EXECUTE FUNCTION recherche_du_site()
    """,
)
#: The English of the starting motifs that are still worded as they came; a document added since has none.
_ANGLAIS = sa.text(
    """
    UPDATE motif m SET libelle_en = l.libelle_en,
           documents_en = CASE WHEN m.documents = l.documents THEN l.documents_en ELSE '{}' END
      FROM jsonb_to_recordset(CAST(:motifs AS jsonb)) AS l(
           code text, libelle text, libelle_en text, documents text[], documents_en text[])
     WHERE m.code = l.code AND m.libelle = l.libelle
    """
)


def _read_motifs() -> str:
    arbre = json.loads(_MOTIFS.read_text(encoding="utf-8"))["arbre"]
    lignes = [{"documents": [], "documents_en": [], **branche} for branche in arbre]
    lignes += [motif for branche in arbre for motif in branche["motifs"]]
    return json.dumps(lignes)


def upgrade() -> None:
    op.create_table(
        "sujet_contact",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("parent_id", sa.BigInteger(), nullable=True),
        sa.Column("nature", sa.Text(), nullable=False),
        sa.Column("libelle", sa.Text(), nullable=False),
        sa.Column("libelle_en", sa.Text(), server_default="", nullable=False),
        sa.Column("faq_url", sa.Text(), server_default="", nullable=False),
        sa.Column("demarche_url", sa.Text(), server_default="", nullable=False),
        sa.Column("types_service", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("motif_code", sa.Text(), server_default="", nullable=False),
        sa.Column("voie", sa.Text(), server_default="", nullable=False),
        sa.Column("ordre", sa.Integer(), server_default="0", nullable=False),
        sa.Column("actif", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("revision", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("nature IN ('particulier', 'professionnel')", name=op.f("ck_sujet_contact_nature")),
        sa.CheckConstraint("voie IN ('', 'adresse', 'dresg', 'dge', 'code')", name=op.f("ck_sujet_contact_voie")),
        sa.CheckConstraint("code ~ '^[a-z0-9-]{1,80}$'", name=op.f("ck_sujet_contact_code")),
        sa.ForeignKeyConstraint(["parent_id"], ["sujet_contact.id"], name=op.f("fk_sujet_contact_parent_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sujet_contact")),
        sa.UniqueConstraint("code", name=op.f("uq_sujet_contact_code")),
    )
    op.create_index(op.f("ix_sujet_contact_parent_id"), "sujet_contact", ["parent_id"], unique=False)
    op.create_table(
        "service_recherche",
        sa.Column("service_id", sa.BigInteger(), nullable=False),
        sa.Column("mots", postgresql.TSVECTOR(), nullable=False),
        sa.Column("villes", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(
            ["service_id"], ["service_fiscal.id"], name=op.f("fk_service_recherche_service_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("service_id", name=op.f("pk_service_recherche")),
    )
    op.create_index("ix_service_recherche_mots", "service_recherche", ["mots"], postgresql_using="gin")
    op.create_index("ix_service_recherche_villes", "service_recherche", ["villes"], postgresql_using="gin")
    op.create_index(
        "ix_commune_debut_postal",
        "commune",
        [sa.text("array_to_tsvector(array_remove(array_remove(codes_postaux, NULL), ''))")],
        postgresql_using="gin",
    )
    for ordre in (_MOTS, _ECRIRE, *_DECLENCHEURS):
        op.execute(ordre)
    op.execute("SELECT ecrire_recherche(ARRAY(SELECT id FROM service_fiscal))")
    op.add_column("motif", sa.Column("libelle_en", sa.Text(), server_default="", nullable=False))
    op.add_column("motif", sa.Column("documents_en", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False))
    op.get_bind().execute(_ANGLAIS, {"motifs": _read_motifs()})


def downgrade() -> None:
    op.drop_column("motif", "documents_en")
    op.drop_column("motif", "libelle_en")
    op.execute("DROP TRIGGER recherche_du_site ON site")
    op.execute("DROP TRIGGER recherche_du_service ON service_fiscal")
    op.execute("DROP FUNCTION recherche_du_site, recherche_du_service, ecrire_recherche, mots_de_recherche")
    op.drop_index("ix_commune_debut_postal", table_name="commune")
    op.drop_table("service_recherche")
    op.drop_table("sujet_contact")
